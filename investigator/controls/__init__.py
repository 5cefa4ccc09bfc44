"""Controls: what governance asks of an agent, as versioned data, and the code that checks it."""
