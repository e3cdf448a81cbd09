"""The data that the services start with."""

import hashlib
from pathlib import Path

import httpx
import pytest

from downstream_stubs.frame.app import StubService
from downstream_stubs.products import ProductsSettings
from downstream_stubs.products import create_app as create_products
from downstream_stubs.users import UsersSettings
from downstream_stubs.users import create_app as create_users


def make(app: StubService) -> None:
    app.prepare()
    app.release()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_data_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Two data files made apart from each other are equal to the last byte."""
    for directory in (tmp_path / "one", tmp_path / "two"):
        make(create_users(UsersSettings(data_dir=directory)))
        make(create_products(ProductsSettings(data_dir=directory)))
    for name in ("users.sqlite3", "users.seed.sqlite3", "products.sqlite3", "products.seed.sqlite3"):
        assert digest(tmp_path / "one" / name) == digest(tmp_path / "two" / name)


def test_second_start_keeps_the_file(tmp_path: Path) -> None:
    """A file of the same version is opened as it is."""
    data, keys = tmp_path / "users.sqlite3", tmp_path / "users-keys.json"
    seen = []
    for _ in range(2):
        make(create_users(UsersSettings(data_dir=tmp_path)))
        seen.append((data.stat().st_ino, data.stat().st_mtime_ns, keys.read_bytes()))
    assert seen[0] == seen[1]
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["users-keys.json", "users.seed.sqlite3", "users.sqlite3"]


@pytest.mark.parametrize("name", ["users.sqlite3", "users.seed.sqlite3"])
@pytest.mark.parametrize("content", [b"", b"this is no database at all, but long enough to be read as one" * 20])
def test_broken_file_is_replaced(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that is empty or no database is made anew."""
    broken = tmp_path / name
    broken.write_bytes(content)
    make(create_users(UsersSettings(data_dir=tmp_path)))
    make(create_users(UsersSettings(data_dir=tmp_path / "fresh")))
    assert digest(broken) == digest(tmp_path / "fresh" / name)


def test_services_agree_about_each_other(users: httpx.Client, products: httpx.Client) -> None:
    """Favourite categories exist in the product service, review authors in the user service."""
    categories = {one["id"] for one in products.get("/categories").json()["items"]}
    assert categories == {str(n) for n in range(1, 25)}
    authors: set[str] = set()
    for product_id in range(1, 41):
        page = products.get(f"/products/{product_id}/reviews", params={"limit": 50}).json()
        authors |= {review["author_id"] for review in page["items"]}
    assert len(authors) > 100
    wanted = sorted(authors)
    found = [
        profile["id"]
        for start in range(0, len(wanted), 100)
        for profile in users.get("/profiles", params={"ids": ",".join(wanted[start : start + 100])}).json()["items"]
    ]
    assert sorted(found) == wanted


def test_users_are_a_thousand(users: httpx.Client) -> None:
    """The ids are "1" to "1000"."""
    found = []
    for start in range(1, 1_101, 100):
        ids = ",".join(str(n) for n in range(start, start + 100))
        found += [one["id"] for one in users.get("/profiles", params={"ids": ids}).json()["items"]]
    assert found == [str(n) for n in range(1, 1_001)]


def test_products_are_whole(products: httpx.Client) -> None:
    """5,000 products; related ones exist and are others; ratings are those of the reviews; prices fit."""
    found = []
    for start in range(1, 5_101, 50):
        ids = [str(n) for n in range(start, start + 50)]
        found += products.get("/products", params={"id": ids}).json()["items"]
    assert [one["id"] for one in found] == [str(n) for n in range(1, 5_001)]
    ids_found = {one["id"] for one in found}
    for one in found:
        assert one["id"] not in one["related_ids"]
        assert len(set(one["related_ids"])) == len(one["related_ids"]) <= 8
        assert set(one["related_ids"]) <= ids_found
        assert (one["rating"]["average"] is None) == (one["rating"]["count"] == 0)
        assert one["created_at"] <= one["updated_at"]
        assert one["created_at"].endswith("Z")
        if one["list_price"] is not None:
            assert float(one["list_price"]["amount"]) > float(one["price"]["amount"]) > 0
    assert sum(one["rating"]["count"] == 0 for one in found) > 500
    assert 40_000 < sum(one["rating"]["count"] for one in found) < 60_000
    assert max(one["rating"]["count"] for one in found) == 40
    sample = next(one for one in found if one["rating"]["count"] == 40)
    reviews = products.get(f"/products/{sample['id']}/reviews", params={"limit": 50}).json()
    ratings = [review["rating"] for review in reviews["items"]]
    assert (len(ratings), reviews["total"]) == (40, 40)
    assert sample["rating"]["average"] == round(sum(ratings) / 40, 2)
