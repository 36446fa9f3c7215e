"""Arrays and Pillow only: files in, arrays out."""
