-- Everything that the server is set to, for whoever asks.
SHOW GLOBAL VARIABLES
