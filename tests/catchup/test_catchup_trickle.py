"""A server that answers just in time, and next to nothing, does not keep a place (A6)."""

from dusk.catchup.channel import Channel
from dusk.catchup.messages import Common, Fetch, Items, Locate, decode_request, encode
from dusk.changelog.log import Log
from dusk.effects import Address, Connect, Connected, Disconnect, Effect, Received, SendFrame, Tick
from dusk.limits import ANSWER_S_MAX, EXCHANGE_S_MAX, STREAM_IDLE_S_MAX
from tests.streams import Member
from tests.world import World

PAUSE_S = STREAM_IDLE_S_MAX - 0.5


def _one_entry_a_time(world: World, message: bytes) -> bytes:
    """Answer as a server that has all and gives one entry with its head."""
    request = decode_request(message)
    if isinstance(request, Locate):
        newest = world.log.newest
        assert newest is not None
        return encode(Common(request.positions[0].seq, newest.encode()))
    assert isinstance(request, Fetch)
    at = 2 * (request.first - 1)
    return encode(Items(tuple(world.items[at : at + 2]), more=True))


def test_a6_a_member_that_trickles_the_log_is_left_in_time() -> None:
    world = World()
    world.allow_joining()
    server, asker = world.join(), world.join()
    stale = Log(world.cluster)
    stale.extend(world.items)
    for number in range(90):
        world.commit(world.set("wifi", "wireless.a.ssid", str(number)))
    member = Member(asker, stale, [], world)
    (connect,) = member.exchanges.catch_up(Address("liar", 1), 0.0)
    assert isinstance(connect, Connect)
    channel = Channel(
        initiator=False,
        static_private=server.x25519_private(),
        ephemeral_private=world.random.randbytes(32),
        cluster_id=world.cluster,
        message_bytes_max=10**6,
    )
    now, waiting = 0.0, list(member.handle(Connected(connect.conn), 0.0))
    while Disconnect(connect.conn) not in waiting and now < EXCHANGE_S_MAX:
        frames = [effect.frame for effect in waiting if isinstance(effect, SendFrame)]
        waiting = []
        for frame in frames:
            step = channel.receive(frame)
            answers = step.frames
            if step.message is not None:
                now += PAUSE_S
                waiting += member.handle(Tick(), now)
                answers = channel.send(_one_entry_a_time(world, step.message))
            waiting += _given(member, connect.conn, answers, now)
    assert stale.head.seq > 5  # what came is kept
    assert now <= 2 * (ANSWER_S_MAX + STREAM_IDLE_S_MAX)


def _given(member: Member, conn: int, frames: tuple[bytes, ...], now: float) -> list[Effect]:
    return [effect for frame in frames for effect in member.handle(Received(conn, frame), now)]
