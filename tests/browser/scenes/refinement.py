"""A drawn person seen from behind: stage by stage, with a grey square over the left elbow."""

from cpm_edu.figures.interactive.refinement import refinement

figure = refinement(joint="elbow", cover=(52, 54, 16))
