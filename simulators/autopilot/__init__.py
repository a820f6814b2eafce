"""The simulated autopilot: ArduCopter as a ground station meets it on the wire.

``Autopilot`` (core) owns the rooms and hands each message to its own: ``links`` the wires with their sequences, streams
and forwarding; ``commands`` the table of COMMAND_LONG and COMMAND_INT; ``failsafes`` what flies home against orders;
``pilot`` the modes, arming and the flying of a mission;
``transfers`` the mission, fence and rally lists with ArduPilot's timers and answers; ``parameters`` a modest table;
``ftp`` MAVLink FTP with that table as a packed file;
``messages`` the telemetry. None of them has a socket, a thread or a clock: ``endpoints`` moves the bytes,
``now_s`` is the vehicle's boot time in simulated seconds.

How the real vehicle answers was measured (ArduCopter 4.7-dev in SITL); where this one knows less than the real one it
answers as the real one does when it does not know: UNSUPPORTED, DENIED, FAILED, or silence.
"""
