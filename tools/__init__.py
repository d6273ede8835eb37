"""What maintainers run beside `make`: each package below is one command."""
