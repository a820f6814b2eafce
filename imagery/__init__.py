"""SEE: from thermal pixels to hotspots on the ground, each with an error that can be believed.

    sources → frame → guard (fit to look at?) → detect (background without fire) → wait for the pose
                                                                                        │
    incident: picture' = observe(picture, observation) ← georeference (place + ellipse) ┘
              ├ hotspots   one fire, one number, over frames and passes
              └ coverage   what was looked at: beside every list of findings

**Pixels never wait, detections do.** A frame is looked at as it comes; only the small result waits until telemetry
brackets its exposure, three seconds at most. What cannot be placed is counted and shown, never guessed.

**Two kinds of error.** Noise is new in each view and shrinks with many looks. A crooked mount, a GNSS offset, a wrong
clock are the same in all views: they travel beside the noise and are added last, so that a thousand looks never look
better than the mount. An ellipse is right when the truth lies in it, and useful when it is small; both are tested.

**Temperatures** are kelvin inside and apparent: emissivity is an assumption. Below about 3×3 pixels, or at the sensor's
limit, a temperature is "at least". A picture without calibration never gets a number in °C.

**Silence is not all-clear.** The shutter closes, pictures freeze, a frame looks above the horizon: each is a refusal
with its reason, ages no hotspot and adds nothing to the ground that was seen.

The fold in `incident` is the same live and in a replay: with the same observations it gives the same bytes. Only
`sources` opens anything. The room takes from the project nothing but `missions.geometry`.
"""
