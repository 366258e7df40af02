"""The PCK figure on 16 drawn people."""

from cpm_edu.figures.interactive.pck_threshold import judged_people, pck_threshold

figure = pck_threshold(judged_people(count=16))
