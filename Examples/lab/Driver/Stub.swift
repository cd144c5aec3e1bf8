import Subprocess
import NIOPosix
