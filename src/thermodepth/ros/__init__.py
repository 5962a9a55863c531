"""Depth as ROS messages: into bags without ROS, and from a node of ROS 2.

messages.py     depth -> the fields of Image, CameraInfo and PointCloud2
bag_writer.py   a writer of bags of ROS 1 and 2 (extra `bags`)
node.py         the node: `python -m thermodepth.ros.node`, where ROS 2 is installed
"""

from thermodepth.ros.bag_writer import STORAGES, BagWriter
from thermodepth.ros.messages import depth_messages

__all__ = ["STORAGES", "BagWriter", "depth_messages"]
