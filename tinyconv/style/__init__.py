"""Neural style transfer: features, Gram matrices, and the image that minimises both losses."""
