"""What turns a lesson into a run, a page and a notebook."""
