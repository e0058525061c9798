"""Runs a command and prints, as JSON, what it and all that it started cost: python3 spent.py SECONDS COMMAND…"""
import json, os, resource, signal, subprocess, sys, time

began = time.monotonic()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
try:
    _, errors = child.communicate(timeout=float(sys.argv[1]))
    ended = f"ended with {child.returncode}"
except subprocess.TimeoutExpired:
    os.killpg(child.pid, signal.SIGKILL)
    _, errors = child.communicate()
    ended = f"did not end within {sys.argv[1]} s"
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(
    json.dumps(
        {
            "ok": child.returncode == 0,
            "why": ended + ": " + errors.decode(errors="replace").strip()[-200:],
            "seconds": time.monotonic() - began,
            "cpuSeconds": used.ru_utime + used.ru_stime,
            "maxRssMb": used.ru_maxrss / 1024,
        }
    )
)
