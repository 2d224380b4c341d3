"""YAML by libyaml where PyYAML was built with it; in Python alone it is many times slower."""
import yaml

Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
TextLoader = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)
Dumper = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)


def load(text):
    return yaml.load(text, Loader)


def load_text(text):
    """All scalars as they are written."""
    return yaml.load(text, TextLoader)


def dump(value):
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True)
