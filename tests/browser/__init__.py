"""The pages as people see them, in headless Chromium."""
