import AsyncHTTPClient
print("stub")
