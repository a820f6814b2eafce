"""FLY: the MAVLink half of the ground side, and what it may claim.

Bytes become checked messages (`wire`), messages become what is known of a vehicle (`telemetry`: a fold into a frozen
state with an age for each group), and what is known becomes an answer to two questions: where was the camera mount at
this instant (`track`), and is what we asked for really true on board (`operation`, `command`, `transfer`).

    link ─ bytes → station ─ checked frames → vehicle ┬ telemetry   the state, group by group
                      ↑                               ├ clock_sync  boot time ↔ UTC
    pump moves bytes  │                               ├ track       pose_at(UTC)
    and time          └── outgoing ── streams, command, transfer, parameters

Everything above `link`, `pump` and `recording` is a machine without socket, clock or thread: `receive` a message,
`tick` the time (`now_s`, monotonic), send what `take_outgoing` hands out. A test drives hundreds of patterns of loss
through them in a second; ArduPilot in SITL drives the very same objects through `pump`.

What this room has learnt the hard way, from others:

- "Loaded" is said only of a list that was read back and is equal to what ArduPilot stores of it; the mission that flies
  is compared again right before it starts. A remembered flag proves nothing.
- An acknowledgement is not an effect, and a missing one is no failure: the vehicle's state has the last word.
- A hazardous command is never sent again later than a second after the click, and never with a force value.
- Only frames with the right checksum of a message that we know make a peer, and answers go only where that vehicle was
  last validly heard. Garbage is counted and dropped.
- A pose is interpolated between measurements or refused with the reason; gaps, resets and a home that moved are never
  bridged. The vehicle's own GNSS time is believed, the laptop's clock is only shown.

The room takes from missions the words of a flight, items and checked missions, and knows nothing of pictures: with
imagery it meets in `PoseSource`.
"""
