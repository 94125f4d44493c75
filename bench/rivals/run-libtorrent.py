# libtorrent for bench/rivals.ts: "seed TORRENT DIR PORT" gives the file in DIR until it is ended and prints a line when it
# can; "fetch TORRENT DIR PORT" takes it from there and prints seconds and processor seconds as JSON.
import json
import sys
import time

import libtorrent

role, torrent, folder, port = sys.argv[1:5]
own = "127.0.0.1:" + (port if role == "seed" else "0")
off = ("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp", "enable_incoming_utp", "enable_outgoing_utp")
plain = {"in_enc_policy": 2, "out_enc_policy": 2, "allow_multiple_connections_per_ip": True, "alert_mask": 0}
session = libtorrent.session({"listen_interfaces": own, **{name: False for name in off}, **plain})
began = time.monotonic()
handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": folder})
if role == "fetch":
    handle.connect_peer(("127.0.0.1", int(port)))
while not handle.status().is_seeding:
    time.sleep(0.01)
print(json.dumps({"seconds": time.monotonic() - began, "cpuSeconds": time.process_time()}), flush=True)
while role == "seed":
    time.sleep(1)
