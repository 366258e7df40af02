"""How synthetic people are drawn: a 3-D pose, an outfit, flat parts, a place, light. Used by `synthetic.py`.

Reading order: poses3d (the body and its poses), outfits2d (clothes), parts2d, figures2d and heads2d (polygons that
know which body part they are), scenery2d (places and occluders), shading2d (colours, light, the camera's faults).
"""
