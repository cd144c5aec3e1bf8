import Hummingbird
import Yams
import ServiceLifecycle
