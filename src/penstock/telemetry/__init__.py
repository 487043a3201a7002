"""What the gateway tells its operator: log lines. Never a prompt, a picture or a key."""
