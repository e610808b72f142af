from concurrent.futures import ThreadPoolExecutor

from aml.compute.in_threads import in_order


def test_order_is_kept_and_no_more_are_held_than_asked_for():
    taken = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(3) as pool:
        found = [(text, len(taken)) for text in in_order(pool, str, items(), 4)]
    assert found == [(str(number), min(number + 4, 20)) for number in range(20)]
