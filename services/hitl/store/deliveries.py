"""stub"""


async def queue(connection, sequences): ...
