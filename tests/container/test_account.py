from nvc.container.account import Account
from nvc.container.unit import ATTACHMENT, CARRIED, CARRIED_STREAM, CHAPTERS, GOP, HEADER


def test_bytes_are_told_apart() -> None:
    account = Account()
    account.add(HEADER, 150)
    account.add(GOP, 1000, 970)
    account.add(CHAPTERS, 40)
    for kind in (CARRIED_STREAM, ATTACHMENT, CARRIED):
        account.add(kind, 500)
    account.add(-1, 7)
    assert (account.total, account.video, account.overhead) == (2697, 1197, 227)
