"""THE WORLD: a drone, a gimbal, a camera and a fire that a ground station meets only over the wire.

    scenario → fire (scene: ground · burning · friends, warm things that are none)
                 └ thermal (band radiance of 640×512 pixels: march · figures · glint · smoke · air)
                     └ sensor (its counts) ← camera ← gimbal ← flight ← autopilot

`world` steps each `craft` in memory, in simulated time: the same seed gives the same bytes. `endpoints` runs vehicle,
gimbal and camera as three processes over MAVLink/UDP and NUT/TCP; gimbal and camera attach to a real ArduPilot binary
(`sitl`) in the very same way, and render from its SIM_STATE on a link of their own, never from the telemetry that the
ground side uses: a shared error would cancel out.

The same caution everywhere: nothing of the code that is judged is borrowed. The world has its own geodesy and its own
rotations, renders by `cv2.projectPoints` and by marching over its own height raster, and takes from missions plain data
types only. Its errors are drawn from the sigmas that the vehicle reports or that honest software would assume, once a
flight, so that an ellipse can be held against them from both sides (`score`). The truth (`truths`) leaves this room
for the `score` and for nothing else; `matching` says which hotspot stands for which fire, `areas` how well an edge and
the shown ground fit the real ones. `sitl_world` is the same world with ArduPilot's own binary in place of our vehicle.

The autopilot answers as ArduCopter was measured to answer: missions that are stored item by item, home in item 0,
refusals whose reason stands in a STATUSTEXT. Where it knows less than the real one it says UNSUPPORTED, DENIED or
nothing, as the real one does.
"""
