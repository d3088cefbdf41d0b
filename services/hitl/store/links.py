"""stub"""


async def use(connection, token_digest):
    return False
