"""Classification: several mechanisms on images and events."""
