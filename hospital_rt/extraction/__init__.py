"""From a doctor's note to a patient's steps. ``api`` holds the shapes; ``pipeline`` reads a note from end to end."""
