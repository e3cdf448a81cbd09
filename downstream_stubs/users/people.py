"""People: names, towns and streets of the cultures that the users come from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Culture:
    """Where some of the users come from.

    ``given`` and ``family`` are pairs of the name as written and its form in an e-mail address; ``towns`` are
    pairs of name and postal code, in which # stands for a digit; ``streets`` hold {n} for the house number.
    """

    locale: str
    country: str
    currency: str
    dial: str
    family_first: bool
    given: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]
    towns: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    home: str
    work: str

    def full(self, given: str, family: str) -> str:
        """A full name in the order of this culture."""
        return f"{family} {given}" if self.family_first else f"{given} {family}"


def shown_name(given: str, family: str, *, family_first: bool) -> str:
    """What everyone may see of a name."""
    return f"{family} {given}" if family_first else f"{given} {family[0]}."


_PLAIN = str.maketrans("áàâäãåéèêëíìîïóòôöõøúùûüçñżź", "aaaaaaeeeeiiiioooooouuuucnzz", "'")


def _names(words: str) -> tuple[tuple[str, str], ...]:
    return tuple((word, word.lower().replace("ß", "ss").translate(_PLAIN)) for word in words.split())


def _pairs(words: str) -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, _, other in (word.partition("/") for word in words.split()))


def _towns(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((town, code) for town, _, code in (line.partition("=") for line in text.split(";")))


CULTURES = (
    Culture(
        locale="en-GB",
        country="GB",
        currency="GBP",
        dial="+447",
        family_first=False,
        given=_names("Amelia Oliver Isla George Ava Arthur Mia Leo Grace Freddie Priya Aisha Harry Chloe Callum Zara"),
        family=_names("Smith Jones Taylor Patel Williams Brown Khan Davies Evans Okafor Walker Hughes Green Ahmed"),
        towns=_towns("London=SW# #AB;Leeds=LS# #QT;Bristol=BS# #HT;Glasgow=G# #PX;Cardiff=CF# #NL"),
        streets=(
            "{n} High Street",
            "{n} Station Road",
            "{n} Church Lane",
            "{n} Victoria Road",
            "{n} Mill Lane",
        ),
        home="Home",
        work="Work",
    ),
    Culture(
        locale="es-ES",
        country="ES",
        currency="EUR",
        dial="+346",
        family_first=False,
        given=_names("Lucía Hugo Sofía Mateo María Martín Julia Álvaro Carmen Pablo Inés Íñigo José Nerea Begoña"),
        family=_names("García Fernández González Muñoz López Martínez Sánchez Pérez Núñez Ibáñez Ruiz Ortega"),
        towns=_towns("Madrid=280##;Barcelona=080##;Valencia=460##;Sevilla=410##;Bilbao=480##"),
        streets=(
            "Calle Mayor {n}",
            "Avenida de la Constitución {n}",
            "Calle del Sol {n}",
            "Plaza de España {n}",
        ),
        home="Casa",
        work="Trabajo",
    ),
    Culture(
        locale="de-DE",
        country="DE",
        currency="EUR",
        dial="+4915",
        family_first=False,
        given=_names("Emma Jonas Hannah Lukas Mia Finn Jürgen Käthe Björn Anneliese Elif Mehmet Svenja Götz Leni"),
        family=_names("Müller Schmidt Schneider Fischer Weber Groß Becker Schäfer Köhler Öztürk Krüger Weiß"),
        towns=_towns("Berlin=10###;Hamburg=20###;München=80###;Köln=50###;Leipzig=041##"),
        streets=("Hauptstraße {n}", "Bahnhofstraße {n}", "Gartenweg {n}", "Lindenallee {n}", "Am Markt {n}"),
        home="Zuhause",
        work="Büro",
    ),
    Culture(
        locale="ja-JP",
        country="JP",
        currency="JPY",
        dial="+8190",
        family_first=True,
        given=_pairs(
            "陽菜/hina 蓮/ren 結衣/yui 湊/minato 葵/aoi 大翔/hiroto 凛/rin 悠真/yuma さくら/sakura 健太/kenta"
        ),
        family=_pairs("佐藤/sato 鈴木/suzuki 高橋/takahashi 田中/tanaka 伊藤/ito 渡辺/watanabe 山本/yamamoto"),
        towns=_towns("東京都渋谷区=150-00##;大阪市北区=530-00##;京都市左京区=606-8###;札幌市中央区=060-00##"),
        streets=("1丁目{n}番地", "2丁目{n}番地", "3丁目{n}番地", "本町{n}"),
        home="自宅",
        work="勤務先",
    ),
    Culture(
        locale="fr-FR",
        country="FR",
        currency="EUR",
        dial="+336",
        family_first=False,
        given=_names("Jade Gabriel Louise Raphaël Alice Léo Chloé Noé Zoé François Élodie Théo Inès Moussa Hélène"),
        family=_names("Martin Bernard Dubois Petit Lefèvre Moreau Laurent Diallo Fournier Girard Benoît Nguyen"),
        towns=_towns("Paris=750##;Lyon=6900#;Marseille=130##;Nantes=440##;Lille=590##"),
        streets=("{n} rue de la Paix", "{n} avenue Victor-Hugo", "{n} rue des Écoles", "{n} place du Marché"),
        home="Maison",
        work="Bureau",
    ),
    Culture(
        locale="pt-BR",
        country="BR",
        currency="BRL",
        dial="+55119",
        family_first=False,
        given=_names("Miguel Helena Arthur Alice João Laura Heitor Valentina Davi Antônia Caio Luíza Thiago Júlia"),
        family=_names("Silva Santos Oliveira Souza Lima Pereira Araújo Conceição Gonçalves Nascimento Cardoso"),
        towns=_towns("São Paulo=01###-000;Rio de Janeiro=20###-000;Salvador=40###-000;Curitiba=80###-000"),
        streets=(
            "Rua das Flores, {n}",
            "Avenida Paulista, {n}",
            "Rua Sete de Setembro, {n}",
            "Travessa do Sol, {n}",
        ),
        home="Casa",
        work="Escritório",
    ),
)
