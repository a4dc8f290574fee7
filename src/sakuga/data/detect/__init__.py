"""Finding anime faces. `lbpcascade_animeface.xml`: copyright (C) 2011 by nagadomi, MIT License (in the file)."""
