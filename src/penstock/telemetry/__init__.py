"""What the gateway tells its operator: log lines and counters. Never a prompt, a picture or a key."""
