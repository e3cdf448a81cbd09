"""The assortment: categories, and the words that products and reviews are made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category that holds products.

    ``cents`` is the range of prices; ``facts`` pairs an attribute's name with its possible values.
    """

    name: str
    nouns: tuple[str, ...]
    cents: tuple[int, int]
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A category of categories, with the brands that are sold there."""

    name: str
    brands: tuple[str, ...]
    shelves: tuple[Shelf, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_COLOURS = ("Colour", _words("Black,White,Navy,Forest green,Terracotta,Sand,Graphite,Sky blue"))
_WARRANTY = ("Warranty", _words("1 year,2 years,3 years,5 years"))

GROUPS = (
    Group(
        "Electronics",
        _words("Nordlicht,Kaizen Audio,Voltera,Pixelsmith,Orbit,Lumen & Co"),
        (
            Shelf(
                "Headphones",
                _words("Headphones,Earbuds,Headset,Studio Monitors"),
                (2_900, 34_900),
                (
                    _COLOURS,
                    ("Connection", _words("Bluetooth 5.3,USB-C,3.5 mm jack")),
                    ("Battery", _words("8 h,24 h,40 h,60 h")),
                    _WARRANTY,
                ),
                _words("wireless,noise-cancelling,studio,travel,sport,hi-res"),
            ),
            Shelf(
                "Keyboards and Mice",
                _words("Mechanical Keyboard,Wireless Mouse,Trackball,Compact Keyboard,Number Pad"),
                (1_900, 24_900),
                (
                    ("Layout", _words("ISO-DE,ISO-UK,ANSI,ISO-ES,JIS")),
                    ("Switches", _words("Red,Brown,Blue,Silent")),
                    _WARRANTY,
                ),
                _words("mechanical,ergonomic,gaming,office,wireless,silent"),
            ),
            Shelf(
                "Smart Home",
                _words("Light Strip,Thermostat,Door Sensor,Smart Plug,Air Monitor"),
                (1_200, 19_900),
                (
                    ("Protocol", _words("Matter,Zigbee,Wi-Fi,Thread")),
                    ("Power", _words("Mains,Battery,USB-C")),
                    _WARRANTY,
                ),
                _words("matter,energy-saving,wireless,security,lighting"),
            ),
        ),
    ),
    Group(
        "Home",
        _words("Casa Lino,Hygge & Sons,Ōmori,Steinhauer,Ateliê Norte"),
        (
            Shelf(
                "Lighting",
                _words("Desk Lamp,Floor Lamp,Pendant Lamp,Night Light,Reading Lamp"),
                (1_500, 29_900),
                (
                    _COLOURS,
                    ("Light", _words("2700 K,3000 K,4000 K,Tunable")),
                    ("Socket", _words("E27,E14,GU10,Built-in LED")),
                ),
                _words("led,dimmable,minimal,brass,bedroom,office"),
            ),
            Shelf(
                "Textiles",
                _words("Linen Throw,Cushion Cover,Duvet Set,Bath Towel,Tablecloth"),
                (990, 14_900),
                (
                    _COLOURS,
                    ("Material", _words("Linen,Cotton,Wool,Bamboo")),
                    ("Care", _words("Wash at 40,Wash at 60,Hand wash")),
                ),
                _words("organic,linen,soft,washable,winter,summer"),
            ),
            Shelf(
                "Storage",
                _words("Storage Box,Wall Shelf,Clothes Rail,Laundry Basket,Shoe Rack"),
                (790, 18_900),
                (
                    _COLOURS,
                    ("Material", _words("Oak,Birch,Steel,Felt,Rattan")),
                    ("Assembly", _words("None,10 minutes,30 minutes")),
                ),
                _words("foldable,stackable,oak,hallway,small-space"),
            ),
        ),
    ),
    Group(
        "Kitchen",
        _words("Brasa,Copperfield,Tanaka Blades,La Cocina,Mühle & Sohn"),
        (
            Shelf(
                "Cookware",
                _words("Frying Pan,Casserole,Wok,Saucepan,Griddle"),
                (1_900, 27_900),
                (
                    ("Diameter", _words("20 cm,24 cm,28 cm,32 cm")),
                    ("Material", _words("Cast iron,Steel,Copper,Ceramic")),
                    _WARRANTY,
                ),
                _words("induction,non-stick,cast-iron,oven-safe,family"),
            ),
            Shelf(
                "Knives",
                _words("Chef's Knife,Bread Knife,Santoku,Paring Knife,Knife Block"),
                (1_200, 32_900),
                (
                    ("Blade", _words("12 cm,18 cm,21 cm,24 cm")),
                    ("Steel", _words("VG-10,X50CrMoV15,Damascus")),
                    _WARRANTY,
                ),
                _words("forged,damascus,japanese,dishwasher-safe,gift"),
            ),
            Shelf(
                "Coffee and Tea",
                _words("Coffee Grinder,Moka Pot,Teapot,Pour-over Set,Milk Frother"),
                (1_400, 39_900),
                (_COLOURS, ("Capacity", _words("0.3 l,0.6 l,1 l,1.2 l")), _WARRANTY),
                _words("espresso,filter,travel,ceramic,gift,manual"),
            ),
        ),
    ),
    Group(
        "Outdoor",
        _words("Fjellvei,Cordillera,Basecamp Nine,Trailmark,Yamabiko"),
        (
            Shelf(
                "Backpacks",
                _words("Backpack,Daypack,Duffel,Hip Pack,Roll-top Pack"),
                (2_900, 27_900),
                (
                    _COLOURS,
                    ("Volume", _words("12 l,22 l,35 l,50 l,65 l")),
                    ("Weight", _words("480 g,760 g,1.2 kg,1.9 kg")),
                ),
                _words("waterproof,hiking,commute,ultralight,recycled"),
            ),
            Shelf(
                "Tents",
                _words("Tent,Tarp,Bivouac,Family Tent"),
                (6_900, 69_900),
                (
                    ("Persons", _words("1,2,3,4,6")),
                    ("Water column", _words("2000 mm,3000 mm,5000 mm")),
                    _WARRANTY,
                ),
                _words("waterproof,ultralight,family,four-season,festival"),
            ),
            Shelf(
                "Bottles and Flasks",
                _words("Water Bottle,Vacuum Flask,Camping Mug,Filter Bottle"),
                (890, 5_900),
                (
                    _COLOURS,
                    ("Capacity", _words("0.35 l,0.5 l,0.75 l,1 l")),
                    ("Material", _words("Steel,Titanium,Tritan")),
                ),
                _words("insulated,leak-proof,hiking,steel,kids"),
            ),
        ),
    ),
    Group(
        "Clothing",
        _words("Atelier Marais,Nordkapp,Sol y Sombra,Hikari,Plain Goods"),
        (
            Shelf(
                "Jackets",
                _words("Rain Jacket,Down Jacket,Field Jacket,Windbreaker,Parka"),
                (4_900, 39_900),
                (_COLOURS, ("Size", _words("XS,S,M,L,XL,XXL")), ("Fit", _words("Slim,Regular,Relaxed"))),
                _words("waterproof,winter,recycled,packable,hooded"),
            ),
            Shelf(
                "Knitwear",
                _words("Jumper,Cardigan,Roll-neck,Beanie,Scarf"),
                (1_900, 19_900),
                (
                    _COLOURS,
                    ("Size", _words("XS,S,M,L,XL,XXL")),
                    ("Material", _words("Merino,Cashmere,Cotton,Alpaca")),
                ),
                _words("merino,winter,soft,classic,undyed"),
            ),
            Shelf(
                "Shoes",
                _words("Trainers,Hiking Boots,Loafers,Sandals,Chelsea Boots"),
                (3_900, 28_900),
                (
                    _COLOURS,
                    ("Size", _words("36,38,40,42,44,46")),
                    ("Upper", _words("Leather,Canvas,Knit,Suede")),
                ),
                _words("leather,vegan,hiking,classic,summer"),
            ),
        ),
    ),
    Group(
        "Books and Games",
        _words("Lighthouse Press,Editorial Alba,Papierfuchs,Rook & Pawn,Kumo"),
        (
            Shelf(
                "Cookbooks",
                _words("Baking Book,Vegetable Cookbook,Noodle Cookbook,Tapas Book,Bread Handbook"),
                (990, 4_900),
                (
                    ("Pages", _words("128,192,256,384")),
                    ("Language", _words("English,Español,Deutsch,日本語")),
                    ("Cover", _words("Hard,Soft")),
                ),
                _words("vegetarian,baking,beginner,gift,family"),
            ),
            Shelf(
                "Board Games",
                _words("Strategy Game,Card Game,Family Game,Co-operative Game,Dice Game"),
                (990, 8_900),
                (
                    ("Players", _words("1-2,2-4,2-6,3-8")),
                    ("Age", _words("6+,8+,10+,14+")),
                    ("Time", _words("20 min,45 min,90 min")),
                ),
                _words("family,two-player,strategy,party,award"),
            ),
            Shelf(
                "Puzzles",
                _words("Jigsaw Puzzle,Wooden Puzzle,Brain Teaser,3D Puzzle"),
                (790, 5_900),
                (
                    ("Pieces", _words("100,500,1000,2000")),
                    ("Age", _words("4+,8+,12+")),
                    ("Material", _words("Card,Wood,Cork")),
                ),
                _words("family,kids,landscape,wooden,gift"),
            ),
        ),
    ),
)

SERIES = _words(
    "Aalto,Brisa,Cirrus,Delta,Ember,Fjord,Granite,Halo,Indigo,Juno,Kestrel,Lagoon,Mistral,Nova,Onyx,Pampa,Quartz,Rivera,"
    "Sierra,Tundra,Umbra,Vega,Willow,Zephyr,Ítaca,Übersee,Åland,Café"
)
EDITIONS = ("", "", "", " II", " Pro", " Mini", " Plus", " Studio")

OPENINGS = (
    "Made for people who use it every day.",
    "A quiet favourite of our buyers.",
    "Small in size, generous in use.",
    "Designed to be repaired rather than replaced.",
    "The one we keep at home ourselves.",
)
MIDDLES = (
    "The {noun} by {brand} is built from parts that age well.",
    "{brand} has made this {noun} since its first workshop, and it shows.",
    "This {noun} does one thing and does it properly.",
    "With this {noun}, {brand} left out everything that could break.",
)
ENDINGS = (
    "Comes in packaging without plastic.",
    "Spare parts can be ordered for ten years.",
    "Made in small batches in Europe.",
    "Tested by us for three months before we listed it.",
    "Returns are free for thirty days.",
)

REVIEW_TITLES = {
    1: ("Broke within a week", "Not what was promised", "Please avoid", "Sent it back"),
    2: ("Expected more", "Looks better than it is", "Only just usable", "Disappointing"),
    3: ("It is all right", "Good with some flaws", "Does its job", "Mixed feelings"),
    4: ("Very good", "Happy with it", "Nearly perfect", "Would buy again"),
    5: ("Wonderful", "Best I have had", "¡Me encanta!", "最高です", "Genau richtig", "Perfect gift"),
}
REVIEW_BODIES = {
    1: (
        "It stopped working after a few days and nobody could say why.",
        "The material feels cheap and one part was missing.",
    ),
    2: (
        "The idea is good, the making is not. A seam came loose in the first month.",
        "Smaller than in the pictures, and the colour is another one.",
    ),
    3: (
        "For the price there is little to complain about, but I would not buy it twice.",
        "Arrived late; the thing itself is fine.",
        "Works as described, though the manual is of no help.",
    ),
    4: (
        "Solid, well thought out, and easy to clean. One star less for the packaging.",
        "I have used it every day for two months now and it still looks new.",
        "Does what I wanted. The delivery took a little long.",
    ),
    5: (
        "I have bought a second one for my sister. We both use it all the time.",
        "Beautifully made, quick delivery, nothing to add.",
        "After years of cheap ones I finally have one that lasts.",
        "Exactly as described. The small details show that somebody cared.",
    ),
}
