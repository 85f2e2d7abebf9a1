/* The least a program can do: what starting one costs, for the others to be compared with. */
int
main(void)
{
    return 0;
}
