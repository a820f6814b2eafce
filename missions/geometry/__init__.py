"""The words of a flight: where (geo), how oriented (pose), through which lens (camera), over which ground.

Frames, from the ground up:

- ``GeoPoint``: WGS 84 latitude and longitude in degrees, a height in metres and the datum it is measured from.
- ``LocalFrame``: east-north-up metres in the tangent plane at one point; all local work is done there.
- body FRD (forward, right, down) → NED → ENU: by unit quaternions, named ``target_from_source``.
- camera: x right, y down, z along the optical axis; pixels count from the centre of the top-left pixel.

A pixel reaches the ground in four steps, each in the file of its name: ``camera.rays`` undoes the lens,
``camera.mount_from_camera`` the mounting, ``pose.rotate`` the attitude, ``crossing.first_crossing`` finds the place.

This folder imports nothing else of the project; every other package may import it, except that the simulators take
only the data types: a shared mistake would cancel out in the score.
"""
