"""The eight kinds of landmark: each function adds one building to a `Solid`, its proportions drawn at random."""

from dataclasses import replace

from synthetic.facades import Doors, Facade
from synthetic.streams import pick


def _whole(random, low, high):
    """Return a whole number from low to high, both included."""
    return int(random.integers(low, high + 1))


def _cathedral(solid, random):
    width, depth, height = random.uniform(10, 15), random.uniform(26, 40), random.uniform(14, 20)
    tower, tower_height = random.uniform(4.5, 7), height * random.uniform(1.15, 1.8)
    front = Facade(_whole(random, 2, 3), _whole(random, 2, 3), Doors(1, "gothic", 0.3), has_rose=True)
    solid.box((0, 0), width, depth, 0, height, front, Facade(_whole(random, 5, 8), 2))
    solid.gable_roof((0, 0), width, depth, height, random.uniform(4, 7))
    tower_facade = Facade(
        _whole(random, 1, 2), _whole(random, 3, 5), Doors(1, "gothic", 0.14), has_clock=random.random() < 0.3
    )
    rise = pick(random, (0, 0.55, 0.2)) * tower_height
    for side in (-1, 1) if random.random() < 0.75 else (pick(random, (-1, 1)),):
        centre = (side * (width / 2 + tower / 2 - 0.5), -depth / 2 + tower / 2 - 0.6)
        solid.box(centre, tower, tower, 0, tower_height, tower_facade)
        if rise:
            solid.spire(centre, tower, tower, tower_height, rise, pick(random, (4, 8)))


def _church(solid, random):
    width, depth, height = random.uniform(9, 13), random.uniform(16, 26), random.uniform(8, 13)
    tower, tower_height = random.uniform(4, 6), height * random.uniform(1.5, 2.4)
    solid.box((0, 2), width, depth, 0, height, Facade(_whole(random, 2, 3), 1), Facade(_whole(random, 3, 6), 1))
    solid.gable_roof((0, 2), width, depth, height, random.uniform(3.5, 6))
    centre = (pick(random, (0, -width / 2, width / 2)), -depth / 2)
    doors = Doors(1, pick(random, ("round", "gothic")), 0.18)
    facade = Facade(_whole(random, 1, 2), _whole(random, 2, 4), doors, has_clock=random.random() < 0.5)
    solid.box(centre, tower, tower, 0, tower_height, facade)
    solid.spire(centre, tower, tower, tower_height, random.uniform(2.5, 11), pick(random, (4, 8)))


def _palace(solid, random):
    width, depth, height = random.uniform(30, 44), random.uniform(12, 20), random.uniform(11, 17)
    front = Facade(_whole(random, 8, 15), _whole(random, 2, 4))
    solid.box((0, 0), width, depth, 0, height, front, replace(front, bays=_whole(random, 3, 5)))
    solid.gable_roof((0, 0), width, depth, height, random.uniform(1.5, 5), ridge="x")
    if random.random() < 0.8:  # a portico
        centre, portico = (0, -depth / 2 - 1), random.uniform(8, 13)
        doors = Doors(pick(random, (1, 3)), pick(random, ("round", "rectangle")), 0.26)
        facade = Facade(_whole(random, 3, 5), front.storeys, doors, num_columns=pick(random, (0, 4, 6, 8)))
        solid.box(centre, portico, 3, 0, 1.08 * height, facade, Facade(1, front.storeys))
        solid.gable_roof(centre, portico, 3, 1.08 * height, random.uniform(2, 3.6))
    if random.random() < 0.5:  # pavilions at the ends
        size = random.uniform(5, 8)
        for x in (-width / 2, width / 2):
            solid.box((x, -0.5), size, depth + 3, 0, 1.1 * height, Facade(2, front.storeys))
            solid.spire((x, -0.5), size, depth + 3, 1.1 * height, random.uniform(2, 5))


def _tower(solid, random):
    width, height = random.uniform(6, 9), random.uniform(22, 36)
    if random.random() < 0.6:  # a hall at its foot
        depth = width * random.uniform(1.3, 2.6)
        hall = Facade(_whole(random, 4, 7), 2, Doors(3, "round", 0.4))
        solid.box((random.uniform(-3, 3), 3), 1.6 * depth, depth, 0, height * random.uniform(0.22, 0.4), hall)
    facade = Facade(
        _whole(random, 1, 3),
        _whole(random, 4, 7),
        Doors(1, "round", 0.1),
        has_clock=random.random() < 0.6,
        has_crenels=random.random() < 0.3,
    )
    solid.box((0, 0), width, width, 0, height, facade)
    if random.random() < 0.5:
        size = width * random.uniform(0.6, 0.8)
        solid.box((0, 0), size, size, height, 1.22 * height, Facade(2, 1))
        solid.spire((0, 0), size, size, 1.22 * height, random.uniform(2, 8), pick(random, (4, 8)))
    else:
        solid.spire((0, 0), 1.05 * width, 1.05 * width, height, random.uniform(2, 12))


def _arch(solid, random):
    width, depth, height = random.uniform(13, 20), random.uniform(5, 9), random.uniform(13, 19)
    doors = Doors(pick(random, (1, 3)), "round", random.uniform(0.5, 0.66))
    front = Facade(
        _whole(random, 3, 5),
        _whole(random, 2, 3),
        doors,
        num_columns=pick(random, (4, 6)),
        has_windows=random.random() < 0.5,
    )
    solid.box((0, 0), width, depth, 0, height, front, Facade(2, 2, Doors(1, "round", 0.4)), front)
    attic = Facade(_whole(random, 3, 7), 1)
    solid.box((0, 0), 1.03 * width, 1.06 * depth, height, height * random.uniform(1.15, 1.35), attic)


def _dome(solid, random):
    width, height = random.uniform(16, 24), random.uniform(8, 13)
    bays, storeys = _whole(random, 5, 8), _whole(random, 1, 2)
    front = Facade(bays, storeys, Doors(3, "round", 0.45), num_columns=pick(random, (0, 6, 8)))
    solid.box((0, 0), width, width, 0, height, front)
    if random.random() < 0.6:  # a portico
        centre = (0, -width / 2 - 2)
        facade = Facade(3, 1, Doors(1, "rectangle", 0.5), num_columns=pick(random, (4, 6)))
        solid.box(centre, width / 2, 4, 0, 1.05 * height, facade, Facade(1, 1))
        solid.gable_roof(centre, width / 2, 4, 1.05 * height, 3)
    radius, rim = width * random.uniform(0.26, 0.4), height + random.uniform(3, 8)
    solid.drum((0, 0), radius, height, rim, 10, Facade(_whole(random, 1, 2), 1))
    rise = radius * random.uniform(0.8, 1.5)
    solid.cupola((0, 0), 1.02 * radius, rim, rise)
    lantern = rim + 0.9 * rise
    solid.box((0, 0), 2, 2, lantern, lantern + 0.5 * radius + 2, Facade(1, 1))
    solid.spire((0, 0), 2.4, 2.4, lantern + 0.5 * radius + 2, 3)


def _castle(solid, random):
    width, depth, height = random.uniform(20, 30), random.uniform(16, 24), random.uniform(8, 13)
    doors = Doors(1, pick(random, ("gothic", "round")), 0.45)
    front = Facade(_whole(random, 3, 7), _whole(random, 1, 2), doors, has_crenels=True)
    solid.box((0, 0), width, depth, 0, height, front)
    radius, tower_height = random.uniform(2.4, 4), height * random.uniform(1.15, 1.7)
    has_roofs = random.random() < 0.6
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        centre = (x * width / 2, y * depth / 2)
        solid.drum(centre, radius, 0, tower_height, 8, Facade(1, _whole(random, 2, 3), has_crenels=not has_roofs))
        if has_roofs:
            solid.spire(centre, 2.1 * radius, 2.1 * radius, tower_height, radius * random.uniform(1.2, 2.4), 8)
    if random.random() < 0.7:  # a keep
        size, top = random.uniform(7, 11), height * random.uniform(1.6, 2.4)
        keep = Facade(2, _whole(random, 3, 5), has_crenels=True)
        solid.box((random.uniform(-4, 4), 2), size, size, 0, top, keep)


def _block(solid, random):
    width, depth, height = random.uniform(12, 22), random.uniform(10, 16), random.uniform(12, 24)
    doors = Doors(1, pick(random, ("rectangle", "round")), 0.15)
    front = Facade(_whole(random, 4, 8), _whole(random, 4, 7), doors, has_clock=random.random() < 0.15)
    solid.box((0, 0), width, depth, 0, height, front, Facade(_whole(random, 3, 5), front.storeys))
    if random.random() < 0.6:
        solid.gable_roof((0, 0), width, depth, height, random.uniform(2, 6), ridge=pick(random, ("x", "y")))
    else:
        top = height + random.uniform(2, 6)
        solid.box((0, 0), 0.6 * width, 0.6 * depth, height, top, Facade(4, 1))
        solid.spire((0, 0), 0.6 * width, 0.6 * depth, top, 3)
    if random.random() < 0.4:  # a turret at one corner
        centre = (width / 2, -depth / 2 + 2)
        solid.box(centre, 5, 5, 0, 1.3 * height, Facade(1, front.storeys + 1))
        solid.spire(centre, 5, 5, 1.3 * height, random.uniform(3, 7), 8)


BUILDERS = {
    build.__name__[1:]: build for build in (_cathedral, _palace, _tower, _arch, _dome, _castle, _church, _block)
}
KINDS = tuple(BUILDERS)
