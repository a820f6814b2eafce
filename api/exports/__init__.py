"""An incident for everybody else: GeoJSON, KML, GeoPackage, Cursor on Target, STAC, COG and a page to print.

``gathered`` folds the journal of a folder anew: what leaves is what was shown. Each format is one file that turns it
into text or bytes; only ``api.commands.export`` writes. The mode (EINSATZ, ÜBUNG, DEMO, WIEDERGABE) is in all of them.
"""
