"""What comes in: files of any layout, judged before they count."""
