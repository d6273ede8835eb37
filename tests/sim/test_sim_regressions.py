"""Plans that once broke a rule, each with what was wrong then."""

from functools import partial

import pytest

from dusk.sim.faults import Faults
from dusk.sim.scenario import Plan, Simulation

OLD_DISKS = Faults(rot_s=3.0, old_disk_s=5.0, crash_s=6.0, partition_s=8.0, slow_disk_s=0.3)
ELSE_OFF = frozenset(
    ("crash_s", "disk_error", "duplicate", "old_disk_s", "replay_s", "stale", "stranger", "twin", "uneven")
)

full = partial(Plan, holders_max=4, recoveries=True, grants=True)
"""What the long run simulates: all that a seed may have besides faults."""

PLANS = {
    "a writer with an older disk asked before it had links, and led": Plan(
        2, Faults(old_disk_s=2.0), devices=3, duration_s=60.0
    ),
    "a writer with a damaged log led with what the first that answered had": Plan(
        23, OLD_DISKS, devices=5, duration_s=40.0
    ),
    "the same with an old disk": Plan(26, OLD_DISKS, devices=5, duration_s=40.0),
    "a writer with an older disk asked once, which was lost, and led": Plan(
        7, Faults(loss=0.25, old_disk_s=3.0), devices=5, duration_s=60.0
    ),
    "a writer with a damaged log led when some had answered, and not who had the newest entry": Plan(
        128, Faults(loss=0.25, old_disk_s=3.0, rot_s=6.0), devices=5, duration_s=60.0
    ),
    "a writer with a damaged log led when all that it knew had answered, and not who had joined since": Plan(
        4575, without=ELSE_OFF, commits_max=0
    ),
    "a member that passed the master's datagrams on refused a change for it by a stream": Plan(
        9960, without=frozenset(("clock_s", "helper_error", "rot_s", "stale")), commits_max=4
    ),
    "the model took a fact called name for a device's name": Plan(
        9151, without=frozenset(("crash_s",)), commits_max=8
    ),
    "the same with more devices": Plan(12000),
    "a leader that owners had taken out of the succession opened an epoch above another branch": Plan(
        202, holders_max=4
    ),
    "a holder that was hindered settled the last change late": Plan(208, holders_max=4),
    "a change was refused for good before the branch was taken up in which what it names joined": Plan(
        357, holders_max=4
    ),
    "who took up a change of its own that was durable called it durable where it alone had it": Plan(
        444, holders_max=4
    ),
    "the same with another fault": Plan(654, holders_max=4),
    "a change that named another's before it, which stood on both branches, overtook its author's own": Plan(
        802, holders_max=4
    ),
    "an answer of before a switch left behind it": Plan(80, holders_max=4),
    "nobody answered who might lead by its old disk alone, for in their logs it might not": Plan(
        896, holders_max=4
    ),
    "who stood in handed back while all was quiet and nothing could settle": Plan(74, holders_max=4),
    "a holder that had left knew more to be settled than who led, and acknowledged no more": Plan(
        18, holders_max=4
    ),
    "who led its own branch heard another leader by REPEATs alone, and waited for DATA for ever": Plan(
        0, Faults(sites=1.0, loss=0.1, partition_s=8.0), devices=6, holders_max=2
    ),
    "two on two links led within a moment, and asked each other ten cycles later": Plan(87, holders_max=4),
    "who heard STARTs by REPEAT alone kept a forged address of the master, and handed changes in there": Plan(
        9, Faults(sites=1.0, replay_s=0.02, loss=0.1, delay_s=0.1), devices=8, duration_s=20.0
    ),
    "a change was final where it stood on the branch that was left, and forgotten": Plan(
        20076, holders_max=4
    ),
    "what a head behind the fork had settled before it was forgotten at the next start": Plan(
        20155, holders_max=4
    ),
    "who led heard of a higher epoch by PONGs alone, by who might lead on neither branch any more": Plan(
        991, commits_max=6, holders_max=4
    ),
    "nobody could read the questions of a writer whose old disk was of before a removal": Plan(150),
    "the same, where it was back before it was missed": Plan(150, holders_max=4, recoveries=True),
    "all that a writer with an old disk had let in behind its end were turned away by it": Plan(
        390, holders_max=4
    ),
    "a succession that named who was removed was refused in one round with its author's next change": full(
        1234
    ),
    "a writer with an old disk went on from a checkpoint behind a removal, without a key to ask by": full(
        1564
    ),
    "the one disk with the log was wiped, as others that had not joined yet were to lead alone": full(33133),
    "a device was cloned while a change that lets it lead was on its way": full(33226),
    "what was made at a device that was taken out was refused to it before it was reset": full(33243),
    "an old disk of before anybody joined was content that all whom it knows, nobody, had answered": full(
        32035,
        Faults(sites=1.0, rot_s=6.0, old_disk_s=6.0, partition_s=8.0, loss=0.1),
        devices=4,
        duration_s=24.0,
    ),
    "what was left twice stood on what was left, and who led apart and alone said nothing": full(
        32023,
        Faults(sites=1.0, partition_s=8.0, one_way=0.5, crash_s=8.0, loss=0.1, crash_in_write=0.05),
        devices=4,
        duration_s=24.0,
    ),
    "where others are was first written down while all was quiet": Plan(1001, holders_max=4),
    "who went over between two answers was left alone for a liar, and what it had left was not fetched": full(
        31658, devices=5, duration_s=40.0
    ),
    "what a writer that is gone called local, and the next one refused, kept the next one waiting": full(
        31093, devices=4, duration_s=50.0
    ),
    "of a branch from below a checkpoint nothing was taken, as who held nothing then wrote its end": full(
        13843, returns=True, rollouts=True
    ),
    "people reset a device that was off, as it had been taken out; owners had forced its role since": full(
        15578, returns=True, rollouts=True
    ),
    "what was in effect stayed so where a recovery undid the entry that had released it": full(
        19586, returns=True, rollouts=True
    ),
    "who leads leaves alone for a while who stood on another history, and what that left waits": full(524),
    "all had one head before the new group key of who leads, and fetched that while all was quiet": full(
        32164
    ),
    "what was handed in from a device was refused behind its removal, in one turn": full(32376),
    "a device repeated DATA for its link in the round in which it was given the lead": full(32569, devices=4),
    "who alone may lead got an old disk of before it joined, and joiners asked only who leads": full(1435),
    "a recovery undid the checkpoint to which devices had compacted: none new got the log": full(858),
    "a thief served what stands on a disk alone, and has no encoding": full(3561),
    "an old disk came back of before an owner attested there, and his next number was used": full(3586),
    "an outsider's replay kept a device with an old group key from asking who leads": full(3923),
    "who led heard no question of a backup with an old group key on another link, and both led": full(5760),
    "an answer named an entry of the branch that was just left": full(5984),
    "a forced role between two successions alike made entries above a checkpoint final": full(6939),
    "a node was built anew over an apply that was not final, and took it for one that was": full(210),
    "who fetched from the former run of a writer with an old disk did not hear that it had begun anew": full(
        7800
    ),
    "the stream for what a START announced could not begin, and PONGs of others said nothing then": full(
        913, returns=True
    ),
    "who began to lead as it fetched took an honest member for a liar, and not what that had left": full(
        1961, returns=True
    ),
    "a writer came back with an old disk while who leads left it alone for having given no answer": full(
        3373, returns=True
    ),
    "a copy of a refused change came late, and used up the number of the next one": full(5935, returns=True),
    "a change that named who was taken out was refused, and another stood in its place by then": full(
        5763, returns=True
    ),
    "who was hindered heard last that a role was given back while all was quiet": full(7969, returns=True),
    "who stood on an older checkpoint lacked the certificate of that on which others stood": full(
        8356, returns=True
    ),
    "a change was about to be handed in as its device left what stood before it": full(11034, returns=True),
    "the last change was queued alone on a device that was taken out and reset": full(1006),
    "two led on two links since before these were whole, and were said to take over as they met": full(
        3112, returns=True
    ),
    "who led behind a fork below a checkpoint, which people end, was said to take over": Plan(
        1760, recoveries=True, grants=True
    ),
    "an old disk of before a recovery had a spoilt stream, and was said to take over": full(
        5036, returns=True
    ),
    "a disk was full as a value came into effect, and the log said the former one again meanwhile": full(
        3110, returns=True
    ),
    "a writer that lost a removal led on the word of one that lacked it, too: others could not read it": full(
        6708, returns=True
    ),
    "a writer with an old disk led while those who could not read it had asked it just before it died": full(
        15385, returns=True
    ),
    "a side that was recovered could be reached only where somebody stood who had joined it since": full(
        19791, returns=True
    ),
    "who was hindered to the end finished an apply while all was quiet": full(18740, returns=True),
    "a switch that changed no file ended by a contact, and the next apply was taken for it": full(
        654, returns=True, rollouts=True
    ),
    "an old disk knew one other alone, who knew no more, and who joined since was not heard in time": full(
        600, returns=True, rollouts=True
    ),
    "a branch was offered by BUNDLEs alone, and fetched from the relay, which does not have it": full(
        1561, returns=True, rollouts=True
    ),
    "waves opened by themselves after all had agreed": full(2002, returns=True, rollouts=True),
    "a witness settled for some what no certificate settles for others, and a holder was gone": full(
        3590, returns=True, rollouts=True
    ),
    "people reset a device that had been taken out, on which the cluster was recovered since": full(
        4464, returns=True, rollouts=True
    ),
    "a holder was gone before a checkpoint was final, and nobody forced a role for those who join": full(
        6359, returns=True, rollouts=True
    ),
    "two led on links apart, heard of each other by questions alone, and the lower epoch was not told": full(
        8528, returns=True, rollouts=True
    ),
    "who alone might lead had made the group key and lost its disk, and could not join without one": full(
        11313, returns=True, rollouts=True
    ),
    "an old disk knew nobody, and who led had asked it within ten seconds, so not again": full(
        10009, returns=True, rollouts=True
    ),
    "two were known in no history that stood, and one said so when people had helped the other": full(
        11311, returns=True, rollouts=True
    ),
    "a joiner left a log that was recovered for a checkpoint of before that": full(
        18698, returns=True, rollouts=True
    ),
    "a leader that its own log had retired refused for good what others handed in": full(
        15459, returns=True, rollouts=True
    ),
    "an answer of before a checkpoint was gone over to left behind it": full(
        17441, returns=True, rollouts=True
    ),
    "an answer of before a switch named what was final on the log that was left": full(
        10555, returns=True, rollouts=True
    ),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_what_once_broke_a_rule_holds(plan: Plan) -> None:
    Simulation(plan).run()
