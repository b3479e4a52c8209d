"""minidl: recurrent stacks on NumPy."""
