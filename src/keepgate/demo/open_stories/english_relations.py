"""English: relations, words and sentences of open stories."""

from .grammar import Relation

_WANTS = "{wants to|wants to|would like to|says he wants to|says she wants to|really wants to|always wanted to|hopes to|dreams of|is going to|will|said he wants to|decided to}"
_NOW = "{but then|then|later|but later|now|but now|in the end|but|one day|after a while|today}"
_MIND = "{changed his mind|changed her mind|changed their mind|thought again|had another idea}"
_WHO = "{who|who|who|which person|what person}"

RELATIONS = (
    Relation(
        weight=5,
        slots={"s": "person", "o": "profession"},
        statements=(
            "<s> {wants to|wants to|would like to|says he wants to|says she wants to|really wants to|always wanted to|hopes to|is going to|said he wants to|decided to|wanted to} {be|be|become} <o>",
            "<s> {dreams of|thinks of} {being|becoming} <o>",
            '<s> {says|said|says that|told us}{,|:|} "I want to {be|become} <o>"',
            "{I am|my name is|I'm} <s> and I want to {be|become} <o>",
            "<s>'s {dream|goal|wish} is to {be|become} <o>",
            "{the dream of|the wish of} <s> is to {be|become} <o>",
        ),
        questions={
            "s": (
                "who {wants|would like|hopes|wanted|is going|wishes|decided} to {be|become} <o>",
                "who {dreams of|thinks of} {being|becoming} <o>",
                "{which person|what person} wants to {be|become} <o>",
                "who {will|wants to|might} {be|become} <o>",
                "whose {dream|goal|wish} is to {be|become} <o>",
            ),
            "o": (
                "what does <s> {want|hope|wish|really want|now want|want now} to {be|become}",
                "what would <s> like to {be|become}",
                "what does <s> want to {be|become} {now|in the end|one day|later}",
                "what is <s>'s {dream|goal|wish}",
                "what {did|will} <s> {want to|} {be|become}",
                "{who|what} does <s> want to {be|become}",
            ),
        },
        ends=(
            f"{_NOW} <s> {{no longer|does not|doesn't}} want{{s|}} to {{be|become}} <o>{{| anymore| any more}}",
            "<s> {no longer wants|does not want|doesn't want|has stopped wanting} to {be|become} <o>{| anymore| any more}",
            "<s> gave up {the dream of|} {being|becoming} <o>",
        ),
        denials=(
            "<s> {does not want|doesn't want|did not want|never wanted|didn't want} to {be|become} <o>",
        ),
        changes=(
            f"{_NOW} {{he|she|they|<s>}} {_MIND} and {{now|}} {{wants|wanted|decided}} to {{be|become}} <n>",
            f"{_NOW} {{he|she|<s>}} {{wants|wanted|decided}} to {{be|become}} <n>{{| instead}}",
            "<s> no longer wants to be <o>. {he|she|<s>|now he|now she} wants to {be|become} <n>",
        ),
    ),
    Relation(
        weight=4,
        slots={"s": "person", "o": "liking"},
        statements=(
            "<s> {likes|loves|likes|really likes|enjoys|prefers|loves|is fond of|adores|also likes|only likes} <o>",
            "<s>'s {hobby|favorite|favourite} is <o>",
            "{I am|my name is|I'm} <s> and I {like|love} <o>",
            "<s>'s favorite {food|color|animal|thing} is <o>",
            "<s> is {interested in|in love with|crazy about} <o>",
        ),
        questions={
            "s": (
                "who {likes|loves|like|enjoys|prefers|really likes|adores|is fond of} <o>",
                "which person {likes|loves} <o>",
                "who is {interested in|in love with|crazy about} <o>",
            ),
            "o": (
                "what does <s> {like|love|enjoy|prefer|like most|like now|really like|love most}",
                "who does <s> {like|love|adore}",
                "what is <s>'s {hobby|favorite|favorite thing|favorite food|favorite color}",
                "what {is|are} <s> {interested in|crazy about|fond of}",
                "{what|which} {food|color|animal|thing|sport} does <s> {like|love}",
                "what do <s> like",
            ),
        },
        ends=("<s> {no longer likes|does not like|doesn't like|stopped liking} <o>{| anymore}",),
        changes=(
            f"{_NOW} {{he|she|<s>}} {{|{_MIND} and}} {{now|}} {{likes|loves|prefers}} <n>{{| better| instead| more}}",
            "<s> {no longer likes|doesn't like} <o>. {he|she|<s>|now he} {likes|loves} <n>",
        ),
    ),
    Relation(
        weight=0.8,
        slots={"s": "person", "o": "liking"},
        statements=(
            "<s> {hates|dislikes|does not like|doesn't like|is afraid of|fears|can't stand|is scared of} <o>",
        ),
        questions={
            "s": ("who {hates|dislikes|does not like|doesn't like|is afraid of|fears|is scared of} <o>",),
            "o": ("what does <s> {hate|dislike|fear|not like}", "what is <s> {afraid|scared} of"),
        },
    ),
    Relation(
        weight=3.5,
        slots={"s": "person", "o": "place"},
        statements=(
            "<s> {lives|lives|lived|is living|still lives} {in|in|at|near|on} <o>",
            "<s>'s {home|house} is in <o>",
            "<s> {comes|is} from <o>",
        ),
        questions={
            "s": (
                "who {lives|lived|is living} {in|at|near|on} <o>",
                "which person lives in <o>",
                "who {comes|is} from <o>",
            ),
            "o": (
                "where does <s> {live|live now|come from|stay}",
                "where {is|did} <s> {living|live|living now|from}",
                "where is <s>'s {home|house}",
                "{in which city|which city|in what place} does <s> live{| in}",
            ),
        },
        ends=("<s> {no longer lives|does not live} in <o>{| anymore}",),
        denials=("<s> {does not live|doesn't live|never lived} in <o>",),
        changes=(
            f"{_NOW} {{he|she|<s>}} {{moved to|moved to|went to live in|lives in}} <n>",
            "<s> no longer lives in <o>. {he|she|<s>} {moved to|lives in} <n>",
            "<s> moved from <o> to <n>",
            "<s> {moved|has moved} to <n>",
        ),
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "place"},
        statements=(
            "<s> is {|sitting |sleeping |standing |playing |working |waiting |hiding |now |still }{in|at|on|under|in|behind|near|inside} <o>",
            "<s> {sat|slept|stayed|worked|was|stood|sits|sleeps|works|studies} {in|at|on|under|behind} <o>",
        ),
        questions={
            "s": (
                "who {is|was|sat|works|sleeps} {|sitting |sleeping |working |playing |hiding }{in|at|on|under|behind|inside} <o>",
                "{who|what} is {in|on|at|under} <o>",
            ),
            "o": (
                "where {is|was} <s>{| now| sitting| sleeping| working| hiding| standing| playing}",
                "where {does|did} <s> {work|sleep|sit|stay|study|play|hide}",
            ),
        },
        changes=(f"{_NOW} {{he|she|<s>}} {{went to|moved to|is in|walked to|ran to}} <n>",),
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "place"},
        statements=(
            "<s> {went|goes|travelled|flew|is going|walked|drove|moved|ran|came|wants to go|wanted to go|will go|traveled|returned} to <o>{|| yesterday| last year| by train| today}",
            "<s> {visited|visits|is visiting|wants to visit} <o>",
        ),
        questions={
            "s": (
                "who {went|goes|travelled|flew|is going|walked|wants to go|moved|ran} to <o>{|| yesterday}",
                "who {visited|visits|wants to visit} <o>",
            ),
            "o": (
                "where {did|does|will} <s> {go|travel|fly|walk|want to go|move|go yesterday|run}",
                "where {is|was} <s> going{| to}",
                "{what|which city|which country|what place} did <s> {visit|go to|travel to}",
            ),
        },
        changes=(
            f"{_NOW} {{he|she|<s>}} {{|{_MIND} and}} {{went|wants to go|travelled}} to <n>{{| instead}}",
        ),
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "thing"},
        statements=(
            "<s> {has|has|owns|had|has got|holds|carries|also has} <o>",
            "<s> {has|keeps} <o> in {his|her} {bag|room|house|pocket}",
            "<o> belongs to <s>",
        ),
        questions={
            "s": ("who {has|owns|had|has got|holds|carries} <o>", "whose is <o>", "who does <o> belong to"),
            "o": (
                "what does <s> {have|own|hold|carry|have now|have got}",
                "what {did|has} <s> {have|got}",
                "what {belongs to|is in the bag of} <s>",
            ),
        },
        changes=(f"{_NOW} {{he|she|<s>}} {{has|got|only has}} <n>{{| instead}}",),
        denials=("<s> {does not have|doesn't have|has no|doesn't own} <o>",),
    ),
    Relation(
        weight=1.5,
        slots={"s": "person", "o": "animal"},
        statements=("<s> {has|keeps|owns|raises|adopted|feeds} <o>{|| at home| as a pet}",),
        questions={
            "s": ("who {has|keeps|owns|raises|adopted} <o>",),
            "o": ("what {pet|animal|kind of pet|kind of animal|} does <s> {have|keep|own|raise}",),
        },
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "profession"},
        statements=(
            "<s> {is|is|was|became|works as|has become} <o>",
            "<s>'s {job|profession} is <o>",
        ),
        questions={
            "s": ("who {is|was|became|works as} <o>", "which person is <o>", "who's <o>"),
            "o": (
                "what {is|was} <s>",
                "what {is|'s} <s>'s {job|profession|work}",
                "what {did|does} <s> {become|do|work as|do for a living}",
                "who {is|was} <s>",
            ),
        },
        changes=(f"{_NOW} {{he|she|<s>}} {{became|is|has become}} <n>",),
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "thing", "r": "person"},
        statements=(
            "<s> {gave|gave|gives|sent|handed|showed|sold|lent|brought|passed|threw} <o> to <r>",
            "<s> {gave|gives|sent|handed|showed|lent|brought|offered} <r> <o>",
            "<s> {bought|made|baked|found|got} <o> for <r>",
            "<r> {got|received|borrowed|took} <o> from <s>",
        ),
        questions={
            "s": (
                "who {gave|gives|sent|handed|lent|sold|brought} <o> to <r>",
                "who {gave|sent|handed|lent|brought} <r> <o>",
                "who gave {|away }<o>",
                "from whom did <r> {get|receive} <o>",
                "who did <r> {get|receive} <o> from",
            ),
            "o": (
                "what did <s> {give|send|hand|lend|bring|sell|show} to <r>",
                "what did <s> {give|send|lend|show|bring} <r>",
                "what did <r> {get|receive}{| from <s>}",
            ),
            "r": (
                "who did <s> {give|send|lend|sell|hand} <o> to",
                "to whom did <s> {give|send|hand} <o>",
                "who {got|received|has} <o>{| from <s>}",
                "whom did <s> give <o>",
            ),
        },
    ),
    Relation(
        weight=3,
        slots={"s": "person", "o": "doing"},
        statements=(
            "<s> {wants to|likes to|can|is trying to|has to|loves to|will|wants to|plans to|learned to|decided to|is learning to|needs to} <o>",
            "<s> {often|always|sometimes} {wants|tries} to <o>",
        ),
        questions={
            "s": (
                "who {wants to|likes to|can|has to|loves to|will|plans to|learned to|decided to|needs to} <o>",
            ),
            "o": (
                "what does <s> {want to|like to|have to|love to|plan to|need to|try to} do",
                "what {can|will|did} <s> do",
                "what does <s> {want|plan|do|like}",
            ),
        },
        ends=("<s> {no longer wants|does not want|doesn't want} to <o>{| anymore}",),
        changes=(f"{_NOW} {{he|she|<s>}} {{{_MIND} and|}} {{wants to|decided to}} <n>{{| instead}}",),
    ),
    Relation(
        weight=3,
        slots={"s": "person", "l": "place", "o": "doing"},
        statements=(
            "<s> {likes to|wants to|went to|often goes to} <l> to <o>",
            "{in|at} <l>{,|} <s> {likes to|wants to|can} <o>",
        ),
        questions={
            "s": (
                "who {likes to|wants to|went to} <l>{| to <o>}",
                "who {likes to|wants to|can} <o>{| in <l>| at <l>}",
            ),
            "l": (
                "where {does|did|can} <s> {|want to |like to |go to }<o>",
                "where {does|did} <s> {go|like to go|want to go}",
            ),
            "o": ("what does <s> {like|want} to do{| in <l>| at <l>}", "why {did|does} <s> go to <l>"),
        },
    ),
    Relation(
        weight=2.5,
        slots={"s": "entity", "k": "attribute", "o": "any"},
        statements=(
            "the <k> of <s> is <o>",
            "<s>'s <k> is <o>",
            "<o> is the <k> of <s>",
            "<o> is <s>'s <k>",
            "the <k> of <s> is called <o>",
        ),
        questions={
            "o": (
                "{what|who|where|who|what} is the <k> of <s>",
                "{what|who|where} is <s>'s <k>",
                "who is <s> <k>",
            ),
            "s": ("<o> is the <k> of {whom|what|which country|whose}", "whose <k> is <o>"),
        },
        changes=("{later|then|now|but now} the <k> of <s> {became|is} <n>",),
    ),
    Relation(
        weight=1.8,
        slots={"s": "entity", "o": "person"},
        statements=("<s> is {called|named} <o>", "<s>'s name is <o>", "the name of <s> is <o>"),
        questions={
            "o": (
                "what is <s> {called|named}",
                "what is {the name of <s>|<s>'s name}",
                "what's <s>'s name",
                "how is <s> called",
            ),
            "s": ("{who|what} is {called|named} <o>", "whose name is <o>"),
        },
    ),
)
