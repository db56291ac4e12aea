"""What the end-to-end tests are made of: the proxy, its backends, and a client that sends bytes."""
