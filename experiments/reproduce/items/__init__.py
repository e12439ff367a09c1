"""Items that can be reproduced: one module each, found by its name."""
