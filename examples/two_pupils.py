"""Two pupils hear the same long story: one wants to keep everything, one picks out what matters. Who can answer?"""

from keepgate import lens
from keepgate.demo.pretrained import folders
from keepgate.demo.stories import pirate_king_story
from keepgate.export import load

PUPILS = {"keeps everything (RNN)": "en/rnn", "picks out what matters (LSTM)": "en/lstm-chrono"}

for length in (None, 300, 1200):
    question = pirate_king_story(length, language="en")
    print(f"{len(question.text)} characters. {question.question}")
    for pupil, name in PUPILS.items():
        answer = lens.read(load(folders()[name]), question).answer
        print(f"  {pupil:30} {answer.text} ({answer.probability:.0%})")
