import HoldfastNode
print("stub")
