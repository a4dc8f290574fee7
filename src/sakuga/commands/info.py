"""`sakuga info`: the models of the zoo, or what one model file says of itself."""


def info(model: str | None = None, /) -> None:
    """Lists the models of the zoo, or tells what a model is: its networks, attributes, data, scores and licence.

    Args:
        model: A model of the zoo, a .safetensors file, a run folder, or a file that `sakuga judge` wrote.
    """
    from rich.table import Table

    from sakuga.commands import options
    from sakuga.configs.modelfile import read_header
    from sakuga.core.errors import printable
    from sakuga.zoo import about, find_model

    console = options.console()
    if model is None:
        table = Table("model", "draws", "pixels", "attributes", "file", box=None, pad_edge=False)
        for row in about.listed():
            table.add_row(*row)
        console.print(table)
        return
    path = find_model(model)
    header = read_header(path)
    console.print(printable(header.name), style="bold")
    if text := about.introduction(path):
        console.print(text, end="\n\n")
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, fact in about.facts(path, header).items():
        table.add_row(name, fact)
    console.print(table)
