"""Study of several starts: which is best, at how many labels, and is it real."""

from ssl_voc.study.command import main, study
from ssl_voc.study.config import StudyConfig
