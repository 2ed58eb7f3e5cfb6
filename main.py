"""Model Serving Demo

Usage:
  main.py [--host <host>] [--port <port>] [--debug]
  main.py (-h | --help)
  main.py (-v | --version)

Options:
  --host <host>  Host to bind to [default: 0.0.0.0]
  --port <port>  Port to bind to [default: 9999]
  --debug        Reload when a file changes; on a loopback host also show werkzeug's debugger
  -h --help      Show this help
  -v --version   Show the version
"""
