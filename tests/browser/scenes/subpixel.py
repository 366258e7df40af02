"""Sub-pixel decoding with a decoder of the reader's own beside the others."""

from cpm_edu.decoding import decode_msra
from cpm_edu.figures.interactive.subpixel import subpixel

figure = subpixel(decode_msra)
