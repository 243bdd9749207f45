"""What is written on plates: serial shapes of many jurisdictions, place names, slogans, words.

In a shape L is a letter, D a digit, a space a gap, '-' a dash, '.' a seal or picture, ':' dots;
'!' makes the next character stand for itself.
"""
import numpy as np

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLAIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # most serials leave out I, O, Q


def table(text):
    """Shapes by place from lines of "place: shape, shape"; a place may go on in a further line."""
    found = {}
    for line in text.strip().splitlines():
        place, shapes = line.split(": ", 1)
        found[place] = found.get(place, ()) + tuple(shapes.split(", "))
    return found


US = table("""
ALABAMA: DDLDDDD, DDDDLDD, DLDLDDL, DLLDDDD, DDLLDDD
ALASKA: LLL DDD, LLLDDD
ARIZONA: LLLDDDD, DDDLLL, LLL.DDD, LDLLDLD
ARKANSAS: DDD LLL, LLL DDL, LLL.DDL
CALIFORNIA: DLLLDDD, DLLLDDD, DLLLDDD, DLDDDDD, DDDDDLD, LLL DDD
COLORADO: DDD.LLL, LLL.DDD, LLL.LDD, DDD-LLL
CONNECTICUT: DDD.LLL, LL.DDDDD, DDLLL D, DLLLDD
DELAWARE: DDDDDD, !P!C DDDDDD, DDDDD, DDDD
WASHINGTON DC: LL.DDDD, LL DDDD
FLORIDA: LLL LDD, LDD DLL, DDD DLL, LLLLDD, LDDDLL, DDDLLL, LLL.LDD
GEORGIA: LLLDDDD, DDDDLLL, DDD LLL, LLL.DDDD
HAWAII: LLL DDD, LLL.DDD
IDAHO: D LDDDD, DL DDDDD, DL LDDDD, L DDDDDD, DL DDDDL
ILLINOIS: LL DDDDD, LDD DDDD, DDD DDDD, L DDDDDD, LLDDDDD, LDDDDDD, DDDDDDD
INDIANA: DDDL, DDDLL, DDDLLL, DDLDDDD, DDD.LLL, LLL.DDD, DD L DDDD
IOWA: LLL DDD, DDD LLL
KANSAS: DDD.LLL, LLL.DDD, DDDDLLL
KENTUCKY: DDD.LLL, LDL.DDD, LLL.DDD, DDD LLL
LOUISIANA: LLL.DDD, DDD.LLL, LDDDDDD
MAINE: DDDD.LL, DDDD LL, DDD LLL, DDDD L
MARYLAND: DLL.DDDD, LLL DDD, DLLDDDD, DLL.DDD, LLL.DDD, DLLDDD, DLL DDDD
MASSACHUSETTS: DDD LLD, DLLL DD, DLL LDD, LLDDDD, DDDD LL, DDDLLD, DDD LL
MICHIGAN: LLL DDDD, LLL.DDD, DLLLDD, LLL.DDDD
MINNESOTA: DDD.LLL, LLL.DDD, DDD-LLL, LLL-DDD
MISSISSIPPI: LLL DDD, LLL DDDD, DDD LLD, LLL.DDD
MISSOURI: LLD LDL, DDD LDL, LLD.LDL, LLL DDD, DLL DDD
MONTANA: D.DDDDDL, LLL.DDD, DDDDDDL, DD.DDDDL, D DDDDDL
NEBRASKA: LLL DDD, DD LDDD, D LDDDD, DD.LDDD, LLL.DDD
NEVADA: DDD.LLL, DDL.LDD, LLL.DDD, DDLDDD, DDD LLL
NEW HAMPSHIRE: DDD DDDD, DDD DDD, DDD.DDDD, DDDDDD
NEW JERSEY: LDD.LLL, LLL.DDL, LLL DDD, DDD LLL, LDDLLL, LL.DDDL
NEW MEXICO: DDD.LLL, LLL.LDD, LLL.DDD, LLLLDD, DDDLLL
NEW YORK: LLL.DDDD, DDDDD.LL, LLL DDDD, LLL DDD, LDD LLL
NORTH CAROLINA: LLL-DDDD, LLL.DDDD, LL-DDDD, LLLDDDD
NORTH DAKOTA: LLL DDD, DDD LLL, LLL.DDD, DDD.LLL
OHIO: LLL DDDD, LL DD LL, LLDDLL, LLL.DDDD, LL DDDD, LL.DDLL
OKLAHOMA: LLL.DDD, DDD.LLL, LLLDDD
OREGON: DDD LLL, LLL DDD, DDD.LLL, LLLDDD
PENNSYLVANIA: LLL.DDDD, LLL-DDDD, LLD DDDD, LLDDDDD, LL DDDDD
RHODE ISLAND: LL-DDD, DDD-DDD, DLL DDD, DDDDDD, DLLDDD
SOUTH CAROLINA: LLL DDD, DDD DLL, DDDD LL, DDD.LLL, LLL.DDD
SOUTH DAKOTA: DDL DDD, DLL DDD, DL DDDD, DDLDDD, DL LDDD
TENNESSEE: DDD LLL, LLL DDD, LDD-DDL, LDD.DDL, DDD-LLL, LLL DDDD, LLL-DDD
TEXAS: LLL.DDDD, LLD LDDD, LLD.LDDD, DDD.LLL, DLLLDD, LLL.DDD, DDL LLD, DLL LDD
UTAH: DDD LLL, LDD DLL, LDDD LL, DLD LL, LDDDLL, DDD.LLL
VERMONT: LLL DDD, DDDLDDD, LLL.DDD, DDDLD
VIRGINIA: LLL-DDDD, LLL DDDD, LLL-DDD, LL-DDDD, DDDDDL, DDD-LLL
WASHINGTON: LLLDDDD, DDD.LLL, DDD-LLL, LDDDDDL, LLL DDDD
WEST VIRGINIA: DLL DDD, DLLDDD, !NLL DDD, !OLL DDD, DDDLDD
WISCONSIN: DDD-LLL, LLL-DDDD, DDD.LLL, DDDLLL, LL-DDDD
WYOMING: D.DDDDD, D.DDDDL, DD.DDDL, DD.DDDD, DDDDL
GOVERNMENT: LDD DDDDL, LDDDDDDL, DDDDDD, LLDDDDD
""")
# Registered vehicles in the United States, 100,000s, roughly: a share, no statistics.
VEHICLES = dict(zip(US, (
    53, 8, 61, 29, 310, 54, 29, 10, 4, 180, 89, 12, 20, 105, 62, 38, 27, 45, 39, 12, 43, 51, 85, 56,
    21, 56, 20, 20, 26, 14, 60, 18, 113, 90, 9, 107, 37, 41, 107, 9, 47, 13, 59, 225, 25, 6, 77, 72,
    16, 56, 9, 10), strict=True))
SHARE_US = np.array(list(VEHICLES.values())) / sum(VEHICLES.values())
MIXED = 0.10  # share of United States serials in no order at all
NEIGHBOURS = table("""
ONTARIO: LLLL.DDD, LLL.DDD, LL DDDDD
QUEBEC: LDD.LLL, DDD.LLL, LLL DDD
BRITISH COLUMBIA: LLD DDL, LLL DDD, DDD LLL, LLD.DDL
ALBERTA: LLL-DDDD, LLL-DDD, LLL.DDDD
MANITOBA: LLL DDD
SASKATCHEWAN: DDD LLL
NOVA SCOTIA: LLL DDD
NEW BRUNSWICK: LLL DDD
MEXICO: LLL-DD-DD, LLL-DDD-L, DDD-LLL, LL-DDDDD, DDD-LLL-D, LLL-DDD, LDD-LLL
ARGENTINA: LLL DDD, LLL DDD
COLOMBIA: LLL.DDD, LLL-DDD
AUSTRALIA: LLL.DDD, LLL DDL, DLL DLL, LL DD LL
URUGUAY: LLL DDDD
""")
EUROPE = table("""
D: L.LL DDDD, L.LL DDD, LL.LL DDD, LL.L DDDD, LLL.LL DD, LLL.L DDD, L.L DDDD, LL.LL DDDD
D: LLL.LL DDD, L.LL DD, LL.LL DD
GB: LLDD LLL, LLDD LLL, LDDD LLL, LLL DDDL, LDD LLL, LLL DDD, LLL DL
F: LL-DDD-LL, LL-DDD-LL, DDDD LL DD, DDD LLL DD
I: LL DDDLL, LL.DDDLL
E: DDDD LLL, L DDDD LL, LL DDDD LL
NL: DD-LL-LL, LL-LL-DD, DD-LLL-D, D-LLL-DD, LL-DDD-L, L-DDD-LL, DD-DD-LL, LL-DD-DD, DD-LL-DD
B: D-LLL-DDD, LLL-DDD, DDD-LLL
PL: LL DDDDD, LLL LDDD, LL DDDDL, LLL DDLL, LL DDDLL, LLL DDDD, LLL DDDDD
CZ: DLD DDDD, DLL DDDD, LLL DD-DD
SK: LL.DDDLL
SLO: LL.LD-DDD, LL.DDD-LL
A: L.DDDDLL, LL.DDDLL, L DDDDDL, LL.DDLLL, LL DDDL
CH: LL DDDDDD, LL.DDDDD
H: LLL-DDD, LL LL-DDD
RO: L DD LLL, LL DD LLL, L DDD LLL, LL-DD-LLL
BG: L DDDD LL, LL DDDD LL, LL DDDDLL
HR: LL.DDD-LL, LL.DDDD-LL, LL DDDD-L
SRB: LL.DDD-LL, LL.DDDD-LL
BIH: LDD-L-DDD, DDD-L-DDD
S: LLL DDD, LLL DDL
N: LL DDDDD
DK: LL DD DDD
FIN: LLL-DDD, LL-DDD
EST: DDD LLL
LV: LL-DDDD, LL-DDD
LT: LLL:DDD, LLL DDD
P: DD-LL-DD, LL-DD-LL, DD-DD-LL
GR: LLL-DDDD, LLL DDDD
IRL: DD-L-DDDDD, DDD-L-DDDD, DD-LL-DDDD
L: LL DDDD, DDDDD
UA: LL DDDD LL
RUS: LDDDLL DD, LDDDLL DDD
TR: DD LLL DDD, DD LL DDD, DD LL DDDD, DD L DDDD
BY: DDDD LL-D
M: LLL DDD
MK: LL.DDDD-LL
AL: LL DDDLL
MD: LLL DDD
IS: LL LDD
CY: LLL DDD
IND: LL DD LL DDDD, LLDDLLDDDD, LL DD L DDDD
RCH: LLLL.DD, LL-LL-DD
J: DDD DDDD
KZ: DDD LLL DD
CN: L.DDDDD, L.LDDDD, L.DLDDD, L.DDDLL
""")
BRAZIL = ("LLL-DDDD", "LLL-DDDD", "LLL.DDDD", "LLL DDDD")
MERCOSUR = table("""
BRASIL: LLLDLDD
ARGENTINA: LL DDD LL, LLDDDLL
PARAGUAY: LLLL DDD
URUGUAY: LLL DDDD
""")
CITIES = (
    "SAO PAULO", "CURITIBA", "RIO DE JANEIRO", "BELO HORIZONTE", "RECIFE", "LONDRINA",
    "SALVADOR", "MARINGA", "FORTALEZA", "CAMPINAS", "CASCAVEL", "GOIANIA", "BLUMENAU", "NATAL",
    "SANTOS")
STATES_BR = ("SP", "PR", "RJ", "MG", "PE", "BA", "SC", "RS", "CE", "GO", "MT", "ES", "RN", "DF")
SLOGANS = (
    "GARDEN STATE", "EMPIRE STATE", "SUNSHINE STATE", "LIVE FREE OR DIE", "THE BAY STATE",
    "GRAND CANYON STATE", "LAND OF LINCOLN", "THE SPIRIT OF AMERICA", "FIRST IN FLIGHT",
    "VACATIONLAND", "AMERICAS DAIRYLAND", "10,000 lakes", "Explore", "Great Lakes",
    "visitPA.com", "www.state.us", "MYSTATE.COM", "IN GOD WE TRUST", "TRUCK", "DEALER",
    "COMMERCIAL", "PASSENGER", "APPORTIONED", "THE SHOW-ME STATE", "Wild Wonderful",
    "Evergreen State", "Peach State", "Famous Potatoes", "CENTENNIAL", "Yours to Discover",
    "Je me souviens", "Beautiful", "TAXATION", "DOUGLAS", "COOK", "JEFFERSON", "T&LC")
DEALERS = (
    "HONDA", "TOYOTA OF", "CHEVROLET", "FORD", "AUTO MALL", "MOTORS", "CITY", "SUBARU", "JEEP",
    "CARS.COM", "AUTOHAUS", "GARAGE", "UNIVERSITY", "ALUMNI", "555-0142", "914-555-0100",
    "www.cars.com", "BAYSIDE", "LAKE", "WORLD", "KIA", "NISSAN", "VOLVO", "SALES", "Centre",
    "Autos", "0171/555", "Opel", "Skoda")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
ONSETS = ("B C D F G H J K L M N P R S T V W Y Z BR CH CL CR DR FL FR GR PL PR QU SH SL SP ST "
          "TH TR").split()
CODAS = ["", "", "", ""] + "N R S T L M CK ND NT RD ST X Y NG SH".split()
WORDS = """
GO LOVE MOM DAD SKI SUN BLUE OCEAN HOCKEY GOLF DOC BEACH BOAT COOL HOT ROD RACE BIKE DOG CAT BIRD
ROSE MUSIC BAND SONG LUCKY STAR QUEEN QUILT QUICK IRISH ITALY IGLOO INDIGO OREO OHIO OTTO OLIVIA
OZONE IVORY IVAN IRIS JOJO JIMBO KIWI LEO LOLA LION MOJO MOON NOON NINJA PIZZA QTIP QUAIL RIO
ROBO SOLO SONIC TANGO TAXI TIGER UNO VIVO VIOLIN WOLF WILLOW XENO YOGI YOYO ZORRO ZOOM BOOM COCO
DISCO ECHO FOTO GIZMO HIPPO BOB BILL BUBBA BIG BAD BOSS BOOK HOOK LOOK COOK NANA PAPA HAPPY SMILE
PEACE HOPE FAITH GRACE JOY WINE BEER JAVA CODE LINUX UNIX GEEK NERD FAST SLOW TURBO JET FLY PILOT
NAVY ARMY WILD FREE HORSE PONY COWBOY FISH HUNT BASS TROUT EAGLE HAWK OWL FOX BEAR DEER ELK MOOSE
JAZZ BLUES KING PRINCE DUKE LADY MISS MR MRS DR US USA NY LA TX AM IM UR 4U 2U GR8 L8 B4 M8 W8 K9
1ST 2ND NO1
""".split()


def pronounceable(rng):
    """Something like a word, rich in vowels: there a round O is a letter and no zero."""
    out = ""
    for _ in range(rng.integers(1, 4)):
        out += str(rng.choice(ONSETS)) + str(rng.choice(list("AEIOUOOI"))) + str(rng.choice(CODAS))
    return out


def vanity(rng, most=7):
    """A personal plate: one or two words, sometimes with digits, at most so many characters."""
    for _ in range(8):
        a = str(rng.choice(WORDS)) if rng.random() < 0.5 else pronounceable(rng)
        r = rng.random()
        if r < 0.35:
            text = a + (" " if rng.random() < 0.5 else "") + str(rng.choice(WORDS))
        elif r < 0.55:
            text = a + " " + str(rng.integers(1, 100))
        elif r < 0.65:
            text = str(rng.integers(1, 10)) + " " + a
        elif r < 0.75:
            text = "".join(rng.choice(list(LETTERS), rng.integers(3, 8)))
        else:
            text = a
        if 2 <= len(text.replace(" ", "")) <= most:
            return text
    return "PLATE"


def filled(rng, shape, rare=0.3):
    """A shape with random characters; `rare` is the chance that I, O, Q are among the letters."""
    letters = LETTERS if rng.random() < rare else PLAIN_LETTERS
    out, literal = [], False
    for c in shape:
        if literal:
            out.append(c)
            literal = False
        elif c == "!":
            literal = True
        elif c == "L":
            out.append(letters[rng.integers(len(letters))])
        elif c == "D":
            out.append(DIGITS[rng.integers(10)])
        else:
            out.append(c)
    return "".join(out)


def mixed(rng):
    """Letters and digits in any order, so that a character's place says little about it."""
    n = int(rng.choice((5, 6, 7), p=(0.15, 0.45, 0.4)))
    shape = "".join(rng.choice(list("LD"), n))
    if rng.random() < 0.5:
        at = int(rng.integers(2, n - 1))
        shape = shape[:at] + str(rng.choice(list(" .-"))) + shape[at:]
    return filled(rng, shape, 0.1)


def serial_us(rng):
    """Place name and serial of a United States plate (now and then a neighbour's)."""
    table, share = US, None
    if rng.random() < 0.12:
        table = NEIGHBOURS
    elif rng.random() < 0.4:
        share = SHARE_US
    place = str(rng.choice(list(table), p=share))
    r = rng.random()
    if r < 0.12:  # the round sign of a personal plate counts as a zero, as the public sets have it
        text = vanity(rng)
        return place, text.replace("O", "0") if rng.random() < 0.8 else text
    if r < 0.16:  # special series: anything goes, but without the look-alikes
        n = rng.integers(3, 8)
        text = "".join(rng.choice(list("ABCDEFGHJKLMNPRSTUVWXYZ123456789"), n))
        return place, text
    if r < 0.16 + MIXED:
        return place, mixed(rng)
    return place, filled(rng, str(rng.choice(table[place])))


def serial_eu(rng):
    country = list(EUROPE)[rng.integers(len(EUROPE))] if rng.random() < 0.8 else str(
        rng.choice(["D", "GB", "F", "I", "E", "PL", "NL", "A"]))
    if rng.random() < 0.07:
        return country, vanity(rng, 8)
    rare = {"D": 0.9, "GB": 0.6, "A": 0.7, "I": 0.1, "F": 0.1, "E": 0.05}.get(country, 0.35)
    return country, filled(rng, str(rng.choice(EUROPE[country])), rare)


def two_lines(rng, text):
    """The serial broken at a gap, or at the middle."""
    gaps = [i for i, c in enumerate(text) if c in " .-:"]
    if gaps:
        i = gaps[int(np.argmin([abs(g - len(text) / 2 + rng.normal(0, 0.7)) for g in gaps]))]
        return text[:i], text[i + 1:]
    i = len(text) // 2
    return text[:i], text[i:]
