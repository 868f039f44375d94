"""What answers questions: one module per way of running a model. Importing this costs nothing."""
