"""Golden numbers of the official devkits (see README.md) and the tables behind them."""
