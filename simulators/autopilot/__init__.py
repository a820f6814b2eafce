"""The simulated autopilot: ArduCopter as a ground station meets it on the wire.

``Autopilot`` (core) owns the rooms and hands each message to its own:

==============  ====================================================================================
``links``       the wires with their sequences, streams and forwarding; ``signing`` what they accept
``commands``    COMMAND_LONG and COMMAND_INT: what each does and answers
``transfers``   mission, fence and rally with ArduPilot's timers; ``storage`` what is left of an item
``parameters``  a modest table; ``ftp`` MAVLink FTP, with that table as a packed file
``failsafes``   what flies home against orders
``pilot``       modes, arming and the flying of a mission
``messages``    the telemetry; ``traffic`` the aircraft nearby that it passes on
==============  ====================================================================================

None of them has a socket, a thread or a clock: ``endpoints`` moves the bytes, ``now_s`` is the vehicle's boot time in
simulated seconds.

How the real vehicle answers was measured (ArduCopter 4.7-dev in SITL); where this one knows less than the real one it
answers as the real one does when it does not know: UNSUPPORTED, DENIED, FAILED, or silence.
"""
