"""HTTP: what can be asked. Nothing here can move an aircraft: there is no route that sends to one."""
